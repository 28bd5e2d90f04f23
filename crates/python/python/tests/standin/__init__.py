"""The stand-in for seldon_core against what the real package did with the same calls.

`record.py` runs generated calls on the real one and writes `recorded.json`; `test_standin.py` runs
them on the stand-in.
"""
