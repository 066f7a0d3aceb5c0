"""The base of this package's errors; a test keeps this list of those derived from it.

UserError
    benchmark: CaseError
    dependencies: DependencyError
    evaluation: ManifestError, PredictionsError, PriorsError
    files: JsonError, OutputError
    geometry: CalibrationError, FilterError, FrameTreeError, ImplausibleError, NoTransform,
        ScanError
    inference: BackendError, BrokenBackendError, DeviceError, FocalLengthError, ImageError,
        InferenceError, SelfTestError
    media: CloudError, CodecError, ConversionError, DamageError, SourceError
    network: CheckpointError
    node: CalibrationRequestError, NoFloor, ParameterError
    parameter_files: ParameterFileError
    reference: MarkerError
    rig: BringUpError, CalibrationRefusedError, ClipError, ProcessError, SilenceError
    size_rule: SizeError
"""

from __future__ import annotations


class UserError(Exception):
    """Something its user can mend: the text says what is wrong, where, and the remedy.

    The command line prints it as one line and returns 2; anything else is a defect of the package
    and keeps its traceback.
    """


def brief(text: object, most: int = 300) -> str:
    """Return ``text``, which comes from elsewhere, as one line of about ``most`` characters.

    What a terminal does not print, such as the codes that move its cursor, is escaped.
    """
    line = ' '.join(str(text).split())
    if not line.isprintable():
        line = ''.join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= most else f'{line[: most // 2]} ... {line[-most // 2 :]}'
