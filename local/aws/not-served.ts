/**
 * What AWS has and this engine leaves out, since nothing in this project calls it: an operation (`sqs.ListQueueTags`), a
 * member of a request, a function of the template (`Fn::Cidr`), a condition key. It is refused by its name, everywhere in
 * these words, because what is passed over in silence works here and fails on AWS, or the other way round.
 */
export function notServed(what: string): string {
  return `${what} is not served here`;
}
