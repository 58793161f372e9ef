"""Report formats: each turns a frozen verdict into text and decides nothing."""
