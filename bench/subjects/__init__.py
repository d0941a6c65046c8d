"""The engines of `wire`, each run in a process of its own: `python -m bench.subjects.NAME LOAD`, one line of JSON out."""
