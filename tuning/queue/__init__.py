"""The order of the lab's queue: fair places, own priority, backfill, limits of passing. Pure: values in, values out."""
