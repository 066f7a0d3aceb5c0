"""Cars, vans, lorries, bicycles. Origin on the ground under the middle, front at +y."""

from __future__ import annotations

from s2r_depth_training.synthetic.sources.builder import LocalFrame


def car(f: LocalFrame) -> None:
    """Build a car, a van or a lorry."""
    f.builder.cars.append((f.x, f.y))
    draw = f.random.random()
    if draw < 0.76:
        _passenger_car(f)
    else:
        _van(f, is_lorry=draw > 0.9)


def _passenger_car(f: LocalFrame) -> None:
    r = f.random
    length, width, height = r.uniform(3.6, 4.9), r.uniform(1.65, 1.9), r.uniform(1.4, 1.72)
    belt, floor = (
        height * r.uniform(0.55, 0.62),
        0.2,
    )  # heights of the windows' lower edge, the sill
    paint, glass, dark = f.material('paint'), f.material('glass'), f.material('dark')
    f.box((width, length * 0.97, (belt - floor) * 0.72), (0, 0, floor), paint)
    f.cushion((width, length, belt - floor + 0.06), (0, 0, floor), paint)
    cabin, middle = length * r.uniform(0.5, 0.72), -length * r.uniform(0.02, 0.1)
    f.car_cabin((width * 0.95, cabin, height - belt), (0, middle, belt - 0.02), glass)
    roof = (width * 0.8, cabin * 0.62, 0.09)
    f.cushion(roof, (0, middle, height - 0.07), paint)
    for x in (-1, 1):
        for y in (-0.24, 0.24):
            low = (x * width * 0.47, middle + y * 2 * cabin * 0.95, belt - 0.02)
            high = (x * width * 0.4, middle + y * 1.2 * cabin, height - 0.05)
            f.beam(low, high, 0.07, paint)  # pillar
        mirror = (0.2, 0.13, 0.14)
        f.cushion(mirror, (x * width * 0.54, middle + cabin * 0.42, belt), paint)
    bumper = (width * 0.96, 0.1, 0.2)
    for y in (-1, 1):
        f.box(bumper, (0, y * length * 0.47, floor), dark)
    _wheels(f, width, length * 0.31, r.uniform(0.6, 0.68), dark)
    _lights_and_plates(f, width, length, belt)


def _van(f: LocalFrame, is_lorry: bool) -> None:
    r = f.random
    length = r.uniform(6, 11) if is_lorry else r.uniform(4.7, 6)
    if is_lorry:
        width, height = 2.4, r.uniform(2.8, 3.6)
    else:
        width, height = r.uniform(1.85, 2.05), r.uniform(1.9, 2.5)
    floor, paint, glass = 0.42 if is_lorry else 0.25, f.material('paint'), f.material('glass')
    load = f.material('paint') if is_lorry and r.random() < 0.6 else paint
    f.box((width, length * 0.72, height - floor), (0, -length * 0.14, floor), load)
    hood = (width * 0.97, length * 0.29, height * 0.85 - floor)
    f.van_hood(hood, (0, length * 0.355, floor), paint)
    windscreen = (width * 0.9, length * 0.1, height * 0.25)
    f.box(windscreen, (0, length * 0.36, height * 0.52), glass)
    side_windows = (width * 1.01, length * 0.12, height * 0.22)
    f.box(side_windows, (0, length * 0.31, height * 0.55), glass)
    _wheels(f, width, length * 0.31, 0.95 if is_lorry else 0.68, f.material('dark'))
    _lights_and_plates(f, width, length, floor + 0.6)


def _wheels(f: LocalFrame, width: float, axle: float, diameter: float, dark: int) -> None:
    """Put four wheels under a vehicle; axle: distance from the middle, m."""
    rim, z = f.material('metal'), diameter / 2
    for x in (-1, 1):
        for y in (-axle, axle):
            inner, outer = x * (width / 2 - 0.22), x * (width / 2 + 0.01)
            f.rod((inner, y, z), (outer, y, z), diameter, dark)
            f.rod((inner, y, z), (outer + x * 0.01, y, z), diameter * 0.58, rim)


def _lights_and_plates(f: LocalFrame, width: float, length: float, belt: float) -> None:
    plate, white, red = f.material('ceiling'), f.material('lamp'), f.material('plastic')
    for y, lamp in ((1, white), (-1, red)):
        f.box((0.5, 0.03, 0.12), (0, y * length * 0.503, 0.42), plate)
        for x in (-1, 1):
            at = (x * width * 0.36, y * length * 0.47, belt - 0.3)
            f.cushion((0.36, 0.1, 0.16), at, lamp)


def bicycle(f: LocalFrame) -> None:
    """Build a parked bicycle of rods."""
    paint, dark = f.material('paint'), f.material('dark')
    for y in (-0.52, 0.52):
        f.rod((-0.02, y, 0.34), (0.02, y, 0.34), 0.68, dark)  # tyre
        f.rod((-0.025, y, 0.34), (0.025, y, 0.34), 0.6, 'stone')  # what is seen through it
    rear_hub, pedals, seat, head = (0, -0.52, 0.34), (0, -0.1, 0.3), (0, -0.2, 0.85), (0, 0.4, 0.8)
    for start, end in (
        (rear_hub, pedals),
        (pedals, seat),
        (pedals, head),
        ((0, -0.2, 0.8), (0, 0.4, 0.85)),  # top tube
        ((0, 0.52, 0.34), (0, 0.38, 1.0)),  # fork
        ((-0.28, 0.36, 1.0), (0.28, 0.36, 1.0)),  # handlebar
    ):
        f.rod(start, end, 0.04, paint)
    saddle = (0.16, 0.26, 0.07)
    f.cushion(saddle, (0, -0.2, 0.88), dark)
