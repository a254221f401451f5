"""Files of other formats (WMT, ESA and MQM assessments) as samples for fine-tuning."""
