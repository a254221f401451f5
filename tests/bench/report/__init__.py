"""Report of what was measured: rows, ratios, exponents, the table and the page."""
