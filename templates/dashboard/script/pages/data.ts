/** The page of all data sets: files that are dropped on it are uploaded, and the list shows them. */

import { renewSoon } from "../live/fragment.ts";
import { serveDrop } from "../upload/drop.ts";

serveDrop(document, renewSoon);
