"""Checks of a configuration against the model that it names: modules, template, context, number formats. Pure."""
