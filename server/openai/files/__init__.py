"""Files of OpenAI's API: data sets, and the metrics of jobs."""
