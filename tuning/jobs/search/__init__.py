"""Lists of jobs: filters, order, pages."""
