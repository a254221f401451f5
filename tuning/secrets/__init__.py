"""What users keep from everybody else: keys of the services that their runs report to."""
