"""The parts of ``compare_stages.py``: the arms, their training, their judging, the table."""
