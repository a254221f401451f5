"""Files of data: how fast they are checked, loaded and uploaded, and in how much memory."""
