"""Clients of the API, each a process or threads beside what is measured: they poll, subscribe, look at pages."""
