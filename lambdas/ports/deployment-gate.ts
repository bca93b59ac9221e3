/** Whether the deployment is being deleted. While it is, no route is made, whoever asks. */
export interface DeploymentGate {
  isClosed(): Promise<boolean>;
  close(): Promise<void>;
  open(): Promise<void>;
}
