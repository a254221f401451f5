"""Jobs and data sets that a command's words mean: ids, selections, pages, completion."""
