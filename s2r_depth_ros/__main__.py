"""``python -m s2r_depth_ros COMMAND``."""

from __future__ import annotations

import sys

from s2r_depth_ros.cli import main

sys.exit(main())
