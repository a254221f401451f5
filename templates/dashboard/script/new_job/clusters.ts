/** The chosen cluster: its partitions and types of GPUs to choose from, its defaults where a field is left empty. */

import type { Names } from "./editor/completion.ts";

interface Partition {
  name: string;
  gpu_types: string[];
}

export interface Cluster {
  name: string;
  partitions: Partition[];
  defaults: Record<string, string | number>;
  models: string[];
  datasets: string[];
}

export interface Clusters {
  /** Names that a configuration may have for models and data on the chosen cluster. */
  names(): Names;
}

/** Serve the cluster's field. */
export function serveClusters(form: HTMLFormElement, clusters: Cluster[]): Clusters {
  const field = form.querySelector<HTMLSelectElement>('[name="resources.cluster"]');
  const chosen = (): Cluster | undefined => clusters.find((cluster) => cluster.name === field?.value) ?? clusters[0];
  const tell = (): void => {
    const cluster = chosen();
    if (cluster !== undefined) write(form, cluster);
  };
  field?.addEventListener("change", tell);
  tell();
  return {
    names: () => {
      const cluster = chosen();
      const data = cluster?.datasets ?? [];
      return { model_name_or_path: cluster?.models ?? [], dataset: data, eval_dataset: data };
    },
  };
}

function write(form: HTMLFormElement, cluster: Cluster): void {
  options("partitions", cluster.partitions.map((partition) => partition.name));
  options("gpu-types", [...new Set(cluster.partitions.flatMap((partition) => partition.gpu_types))].sort());
  for (const input of form.querySelectorAll<HTMLInputElement>('input[name^="resources."]')) {
    const usual = cluster.defaults[input.name.slice("resources.".length)];
    input.placeholder = usual === undefined ? "" : String(usual);
  }
}

function options(id: string, values: string[]): void {
  document.getElementById(id)?.replaceChildren(...values.map((value) => new Option(value, value)));
}
