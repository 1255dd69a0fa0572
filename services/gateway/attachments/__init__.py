"""Files of messages: what they are, where their bytes lie, who may fetch them and for how long."""
