"""Pages in a browser, OpenAI's client, and the commands of the guides, from a file to the end of a run."""
