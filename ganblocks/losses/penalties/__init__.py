"""Penalties: terms that keep a discriminator smooth, added to its loss."""
