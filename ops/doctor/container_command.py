"""The command that starts a container on a cluster, behind the site's prelude. Pure."""

import shlex

from tuning.settings import ClusterSettings


def after_prelude(cluster: ClusterSettings, script: str) -> str:
    """The script as a shell runs it behind the prelude, each line of which must work, as in the batch script."""
    if not cluster.prelude:
        return script
    lines = [f"eval {shlex.quote(line)}" for line in cluster.prelude]
    return shlex.join(["bash", "-c", " && ".join([*lines, f"{{ {script}\n}}"])])
