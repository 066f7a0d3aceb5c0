"""The card of a model: what it is, how it was trained, and its scores on real images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from s2r_depth_ros.evaluation.boundaries import MOST_PX, WIDTH
from s2r_depth_ros.evaluation.parts import CONSTANT, FORMULA
from s2r_depth_ros.evaluation.scores import beats_prior
from s2r_depth_ros.files import JsonError, read_json, write_atomically
from s2r_depth_ros.network.checkpoint import load_model, save_model, stored_float
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_training.errors import ResultsError

# The kinds of real images that a model for these scenes must show itself on.
_KINDS = {'indoor': ('indoor',), 'outdoor': ('driving',), 'universal': ('indoor', 'driving')}
_SHOWN = ('abs_rel', 'rmse', 'delta1')
# What a card takes from the results of an evaluation.
_NEEDED = frozenset({'model', 'model_sha256', 'manifest_sha256', 'summary', 'counts', 'caps_m'})


def read_results(path: Path) -> dict[str, Any]:
    """Read what ``evaluate --json`` wrote. Raises ResultsError for another file."""
    try:
        results = read_json(path)
    except JsonError as error:
        raise ResultsError(str(error)) from error
    if not isinstance(results, dict) or (missing := _NEEDED - results.keys()):
        absent = f': {", ".join(sorted(missing))} missing' if isinstance(results, dict) else ''
        raise ResultsError(f'{path} is not what evaluate --json writes{absent}')
    # Older ones do not say; they are of this protocol.
    if (results.get('protocol', 'eval'), results.get('means', 'scenes')) != ('eval', 'scenes'):
        raise ResultsError(
            f'{path} is of the protocol {results["protocol"]}, means over {results["means"]}; a '
            'card tells those of evaluate without --protocol and --means'
        )
    return results


def write_card(model: str | Path, results: Mapping[str, Any]) -> Path:
    """Write the card models/NAME.md beside ``model`` and put the scores into the model file.

    results: what ``evaluate --json`` wrote for this very model; ResultsError otherwise. A model
    that does not beat the row prior on its kinds of scene is marked as a placeholder.
    """
    path = Path(model)
    network, metadata = load_model(path)
    if results.get('model_sha256') != metadata.sha256:
        raise ResultsError(f'the results are of {results.get("model")}, other weights than {path}')
    scores = _scores(results)
    marked = replace(metadata, scores=scores, placeholder=placeholder_of(metadata.scene, results))
    save_model(path, network, marked, stored_float(path))
    card = path.with_suffix('.md')
    write_atomically(card, card_text(marked, results).encode())
    return card


def placeholder_of(scene: str, results: Mapping[str, Any]) -> str:
    """Return why a model for ``scene`` is only a placeholder, or '' if it is more."""
    kinds = _KINDS[scene]
    if beats_prior(results['summary'], kinds):
        return ''
    return (
        f'this model is only a placeholder: on real {" and ".join(kinds)} images it was not shown '
        'to beat, in median-scaled abs_rel, the row prior, which never looks at the image'
    )


def _scores(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return kind -> alignment -> metric -> mean of the model, and the manifest's digest."""
    kinds = {
        kind: {
            alignment: {k: round(v['mean'], 4) for k, v in predictors['model'].items()}
            for alignment, predictors in alignments.items()
        }
        for kind, alignments in results['summary'].items()
    }
    return {**kinds, 'manifest_sha256': results['manifest_sha256']}


def card_text(metadata: ModelMetadata, results: Mapping[str, Any]) -> str:
    """Return the card: what the model is, how it was trained, its scores, its limits."""
    lines = [f'# {metadata.name}', '']
    if metadata.placeholder:
        lines += [f'**{metadata.placeholder[0].upper()}{metadata.placeholder[1:]}.**', '']
    lines += [
        'S2R-DepthNet (CVPR 2021): depth in metres from one RGB image. Written by '
        '`s2r_train card` from the model file and the results of `evaluate`; do not edit.',
        '',
        *_facts(metadata),
        '',
        *_score_lines(results),
        *_limit_lines(metadata, results),
    ]
    return '\n'.join(lines) + '\n'


def _facts(metadata: ModelMetadata) -> list[str]:
    focal = 'unknown' if metadata.focal_length is None else f'{metadata.focal_length:g} px'
    experiment = metadata.provenance.get('experiment', metadata.provenance)
    stages = ', '.join(f'{s["name"]} {s["steps"]}' for s in experiment.get('stages', ()))
    rows = {
        'scenes': metadata.scene,
        'width': f"{metadata.width:g} of the paper's channels",
        'input': f'{metadata.input_height} x {metadata.input_width} px (height x width)',
        'depth': f'0 to {metadata.max_depth:g} m, canonical focal length {focal}',
        'cameras': _angles(metadata),
        'trained on': metadata.provenance.get('images', 'see the provenance in the file'),
        'stages (steps)': stages or 'see the provenance in the file',
        **_seen(metadata.provenance),
        'best checkpoint by': experiment.get('validation', {}).get('monitor', 'nothing recorded'),
        'picked on real images': experiment.get('picked_on_real') or 'nothing',
        'licence': metadata.licence,
        'sha256 of the weights': f'`{metadata.sha256}`',
    }
    return ['| | |', '|---|---|', *(f'| {key} | {value} |' for key, value in rows.items())]


def _angles(metadata: ModelMetadata) -> str:
    """Return the pitch and roll of the cameras of the training, in words."""
    if metadata.pitch_range is None or metadata.roll_range is None:
        return 'pitch and roll unknown, taken to be level'
    pitch, roll = (
        f'{round(math.degrees(low))} to {round(math.degrees(high))} degrees'
        for low, high in (metadata.pitch_range, metadata.roll_range)
    )
    return f'pitch {pitch} (up is positive), roll {roll}, nine in ten of each'


def _seen(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Return the row of images seen, of a model that a relay has trained."""
    if 'seen' not in provenance:
        return {}
    stages = ', '.join(f'{stage} {count:,}' for stage, count in provenance['seen'].items())
    return {'images seen (by stage)': f'{stages}; annealed {provenance["annealed"]:,} more'}


def _score_lines(results: Mapping[str, Any]) -> list[str]:
    lines = [
        '## Scores on real images',
        '',
        'Per-scene means with 95 % bootstrap intervals over scenes; `none` is the metric error '
        "without any scaling, `median` the paper's protocol. constant, row and pixel are priors "
        'that never look at the image. Real images were never trained on.',
        '',
    ]
    if any(FORMULA in row for kind in results['summary'].values() for row in kind.values()):
        lines += [
            f'"{FORMULA}" and "{CONSTANT}" are this model without what STE, or DSA, has learnt: '
            'the image with its contrast normalised in place of the structure map, and the mean '
            'of the attention map everywhere.',
            '',
        ]
    for kind, alignments in results['summary'].items():
        count = results['counts'][kind]
        cap = results['caps_m'][kind]
        lines += [
            f'### {kind}: {count["frames"]} images of {count["scenes"]} scenes, to {cap:g} m',
            '',
            '| scaling | predictor | ' + ' | '.join(_SHOWN) + ' |',
            '|---|---|' + '---|' * len(_SHOWN),
        ]
        for alignment, predictors in alignments.items():
            for predictor, values in predictors.items():
                cells = ' | '.join(_cell(values[name]) for name in _SHOWN)
                lines.append(f'| {alignment} | {predictor} | {cells} |')
        lines += ['', *_image_lines(results, kind)]
    return lines


def _image_lines(results: Mapping[str, Any], kind: str) -> list[str]:
    """Return what is averaged over images; results of older evaluations do not have it."""
    lines = []
    if means := results.get('image_means', {}).get(kind):
        model = means['model']
        lines.append(
            "Averaged over images instead of scenes, the paper's way (median-scaled): abs_rel "
            f'{model["abs_rel"]:.3f}, delta1 {model["delta1"]:.3f}.'
        )
    if edges := results.get('edges_px', {}).get(kind):
        model = edges['model']
        lines.append(
            f'Depth edges ({model["images"]:.0f} images with dense truth, px of images {WIDTH} px '
            f'wide, {MOST_PX:g} at most): predicted ones are {model["accuracy"]:.1f} from true '
            f'ones, true ones {model["completeness"]:.1f} from predicted ones.'
        )
    return [*lines, ''] if lines else []


def _cell(value: Mapping[str, float]) -> str:
    return f'{value["mean"]:.3f} ({value["low"]:.3f} to {value["high"]:.3f})'


def _limit_lines(metadata: ModelMetadata, results: Mapping[str, Any]) -> list[str]:
    lines = ['## Limits', '']
    for kind, alignments in results['summary'].items():
        raw, scaled = (alignments[a]['model']['abs_rel']['mean'] for a in ('none', 'median'))
        lines.append(
            f'- {kind}: depth is off by {100 * raw:.0f} % on average as the robot gets it, by '
            f'{100 * scaled:.0f} % once its scale is known.'
        )
    return [
        *lines,
        '- A few dozen images of a few scenes: the intervals above are wide, read them.',
        "- Needs the camera's focal length (camera_info); glass, mirrors, and views unlike those "
        'rendered for training (looking up or down, very close) are not to be trusted.',
        '- Not a safety function: never let it be all that keeps a robot from an obstacle.',
    ]
