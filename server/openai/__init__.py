"""OpenAI's API under `/v1`: a translation of its requests and answers, with no table and no rule of its own."""
