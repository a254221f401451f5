"""Sign-in and sign-out of browsers."""
