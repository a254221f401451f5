/** A data set as the API tells of it. */
export interface DatasetInfo {
  id: string;
  name: string;
  owner: string;
  status: string;
  purpose: string | null;
  rows: number | null;
  kept: number | null;
}
