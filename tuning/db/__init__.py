"""The database: engines, transactions, errors, notifications."""
