"""Users' secrets: keys of the services that their runs report to."""
