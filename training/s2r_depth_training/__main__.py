"""``python -m s2r_depth_training COMMAND``."""

from __future__ import annotations

import sys

from s2r_depth_training.cli import main

sys.exit(main())
