"""The OpenAPI document: what it says of fields, with which examples, and how it is shown to people."""
