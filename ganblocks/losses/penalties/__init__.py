"""Penalties: terms of the discriminator's loss that regularize it."""
