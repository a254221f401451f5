"""`python -m server`: the API on the settings of the environment, until SIGTERM."""

import sys
import time

from server.first_visit import begin_first_visit
from server.http.bounds.connections import BoundedConfig, ConnectionLimits, ConnectionWatch, usable_connections
from server.http.stopping import StoppingServer
from server.main import create_app
from tuning.errors import InvalidInput
from tuning.logs import set_up_logs
from tuning.private_files import close_database_to_others, make_private_folder
from tuning.settings import load_clusters, load_settings
from tuning.sign_in_settings import check_sign_in, load_groups


def main() -> None:
    """Build everything from the environment, and serve."""
    try:
        settings = load_settings()
        check_sign_in(settings)
        clusters = load_clusters(settings.clusters_file)
        grants = load_groups(settings.clusters_file)
    except InvalidInput as error:
        sys.exit(f"packtrain server: {error.with_hints()}")
    set_up_logs(settings.log_level)
    close_database_to_others(settings.database_url)
    make_private_folder(settings.data_dir)
    # log_config=None: uvicorn's lines go through ours. No access log: polls are not changes of state.
    app = create_app(settings, clusters, grants=grants)
    begin_first_visit(app)
    limits = ConnectionLimits(
        head_seconds=settings.head_seconds,
        idle_seconds=settings.idle_seconds,
        max_connections=usable_connections(settings.max_connections),
    )
    config = BoundedConfig(
        app,
        ConnectionWatch(limits, time.monotonic),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    StoppingServer(config, app.state.feed).run()


if __name__ == "__main__":
    main()
