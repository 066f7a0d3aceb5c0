"""Looks whether an installation is complete and works, and tells the remedy where it does not.

Each check is a process of its own: an import that crashes, or never ends, is a finding, too.
"""
