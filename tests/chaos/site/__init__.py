"""Faults of a site on a bad day, each struck on the real lab and taken back: trials beside those of tests.chaos.faults.

What is real: all that is in tests.chaos, and the whole batch script up to Apptainer with our launcher. Apptainer and
the training are stand-ins: a training ends when it is told to, and writes a log that packtrain does not read.
"""
