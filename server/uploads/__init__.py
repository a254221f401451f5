"""Files on their way in: forms, room, checks and rows of uploads, for every API that takes files."""
