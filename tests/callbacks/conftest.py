"""Without Lightning its module is not looked into for examples."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("lightning") else ["lightning_lab.py"]
