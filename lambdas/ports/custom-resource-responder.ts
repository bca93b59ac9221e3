/** Answers CloudFormation for a custom resource. */
export interface CustomResourceResponder {
  /** Throws when it could not be reached after all tries. */
  respond(responseUrl: string, response: CustomResourceResponse): Promise<void>;
}

/** Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html */
export interface CustomResourceResponse {
  readonly Status: 'SUCCESS' | 'FAILED';
  /** Needed with `FAILED`; people see it in the stack's events. */
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
}
