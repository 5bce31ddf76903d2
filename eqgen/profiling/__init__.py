"""Where the time of a training step goes, equation by equation, and how near that is to what the machine can do."""
