"""The pages of data: all data sets, and one with its report and rows."""
