"""The messages that a tftensor is made of."""
