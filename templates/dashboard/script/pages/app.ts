/** Script of every page: times, actions, and the stream that keeps it up to date. */

import { serveActions } from "../calls/actions.ts";
import { follow, keepFresh } from "../live/stream.ts";
import { keepTimes } from "../words/times.ts";

const EVENTS = (document.body.dataset.events ?? "").split(" ").filter(Boolean);

keepTimes();
serveActions();
keepFresh();
if (document.body.dataset.live) follow(document.body.dataset.live, EVENTS);
