"""Attacks on a lab from within a training container, and what they reach."""
