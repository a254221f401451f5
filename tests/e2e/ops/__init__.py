"""Commands of the operator: the doctor, and the recovery of a database that is lost."""
