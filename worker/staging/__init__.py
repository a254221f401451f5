"""Data on the cluster: uploads of data sets, copies, and removal of unused copies."""
