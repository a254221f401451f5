"""Uploads that are archives: rows with the images, videos and audios that they name."""
