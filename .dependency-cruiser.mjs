/**
 * The one import direction: domain <- ports <- handlers <- entries; aws/ implements ports; infra reads only event names
 * and environment contracts; nothing that ships imports local, cli, lab or test; nothing but tests imports test.
 * Each rule's comment tells you what to do when it stops you.
 */
const functions = 'ingest|inactivity|record-events|provision|deliver|manage';
const libraries = 'http|json|event-pattern|contracts|telemetry|sqs';

/** domain/ from the bottom up: a folder may import the folders below it, and none above. */
const domainFolders = ['events', 'inactivity', 'subscriptions', 'deliveries', 'routes', 'history'];
const domainOrder = domainFolders.slice(0, -1).map((folder, place) => ({
  name: `domain-${folder}-knows-nothing-above`,
  severity: 'error',
  comment: `Routes stand above deliveries, deliveries above subscriptions and inactivity, those above events. domain/${folder} takes what it needs of a higher folder as a value, or the code belongs higher up.`,
  from: { path: `^lambdas/domain/${folder}/` },
  to: { path: `^lambdas/domain/(${domainFolders.slice(place + 1).join('|')})/` },
}));

export default {
  forbidden: [
    {
      name: 'domain-is-pure',
      severity: 'error',
      comment:
        'The domain knows no I/O, clock, environment or SDK. Hand in what it needs as a value, or describe the need as a port. (node:crypto for hashes, ipaddr.js for addresses and zod/mini for shapes are arithmetic, so they are allowed.)',
      from: { path: '^lambdas/domain/' },
      to: {
        pathNot:
          '^(lambdas/(domain|json|event-pattern|contracts)/|lambdas/http/(problem|schema-errors)\\.ts$|node:crypto$|crypto$|node_modules/(ipaddr\\.js|zod)/)',
      },
    },
    ...domainOrder,
    {
      name: 'ports-know-only-the-domain',
      severity: 'error',
      comment: 'A port is an interface in the words of the domain. Types of an SDK belong into aws/.',
      from: { path: '^lambdas/(ports/|[^/]+/ports\\.ts$)' },
      to: { pathNot: '^lambdas/(domain|ports|json|contracts)/' },
    },
    {
      name: 'handlers-know-ports-not-adapters',
      severity: 'error',
      comment: 'A handler gets its adapters handed in by index.ts. Import the port and add it to the deps.',
      from: { path: `^lambdas/(${functions})/`, pathNot: '/index\\.ts$' },
      to: { path: '^lambdas/aws/' },
    },
    {
      name: 'only-aws-knows-the-sdk',
      severity: 'error',
      comment: 'AWS SDK clients and HTTP clients are used in lambdas/aws only; index.ts makes the client, nobody else.',
      from: { path: '^lambdas/', pathNot: '^lambdas/(aws/|.*/index\\.ts$)' },
      to: { path: 'node_modules/(@aws-sdk|@smithy|undici)/|^(node:)?(https?|net|tls|dns)(/promises)?$' },
    },
    {
      name: 'functions-never-import-each-other',
      severity: 'error',
      comment: 'Move what two functions share into domain, ports or one of the small libraries.',
      from: { path: `^lambdas/(${functions})/` },
      to: { path: `^lambdas/(${functions})/`, pathNot: '^lambdas/$1/' },
    },
    {
      name: 'inactivity-functions-share-their-ports-only',
      severity: 'error',
      comment:
        'track, sweep and emit are three functions: what they share stands in domain/inactivity or inactivity/ports.ts.',
      from: { path: '^lambdas/inactivity/(track|sweep|emit)/' },
      to: { path: '^lambdas/inactivity/(track|sweep|emit)/', pathNot: '^lambdas/inactivity/$1/' },
    },
    {
      name: 'entries-are-imported-by-nothing',
      severity: 'error',
      comment: 'index.ts is wiring and runs on import. Import handler.ts instead.',
      from: {},
      to: { path: '^lambdas/.*/index\\.ts$' },
    },
    {
      name: 'shared-layers-know-no-function',
      severity: 'error',
      comment:
        'aws/ implements the ports of functions and imports nothing else of them; ports, the domain and the small libraries serve all functions.',
      from: { path: `^lambdas/(aws|ports|domain|${libraries})/` },
      to: { path: `^lambdas/(${functions})/`, pathNot: '/ports\\.ts$' },
    },
    {
      name: 'infra-reads-names-and-environments-only',
      severity: 'error',
      comment:
        'infra takes event names and constants from the domain and contracts/, and the type of each env.ts; no handler code.',
      from: { path: '^infra/' },
      to: { path: '^lambdas/', pathNot: '^lambdas/((domain|contracts|json)/|.*/env\\.ts$)' },
    },
    {
      name: 'what-ships-imports-nothing-local',
      severity: 'error',
      comment: 'lambdas and infra are deployed; local, cli, lab and test are not.',
      from: { path: '^(lambdas|infra)/' },
      to: { path: '^(local|cli|lab|test)/' },
    },
    {
      name: 'cli-knows-the-api-and-the-domain-only',
      severity: 'error',
      comment:
        'The command line speaks to the API over HTTP, deployed or local. It may take shapes, names and arithmetic from lambdas/domain, lambdas/contracts and lambdas/json, and from infra what version this checkout is; whatever else it needs to know, the API has to say.',
      from: { path: '^cli/' },
      to: {
        path: '^(lambdas/(?!(domain|contracts|json)/)|(infra|local|lab|test)/)',
        pathNot: '^infra/source-version\\.ts$',
      },
    },
    {
      name: 'cli-loads-the-sdk-only-when-needed',
      severity: 'error',
      comment:
        'The SDK takes longer to load than most commands take to run. Put what needs it into cli/aws, and import() that where a deployed stack is meant.',
      from: { path: '^cli/', pathNot: '^cli/aws/' },
      to: { path: 'node_modules/(@aws-sdk|@smithy)/' },
    },
    {
      name: 'cli-defers-what-loads-the-sdk',
      severity: 'error',
      comment: 'Use await import() where AWS is spoken to: a plain import would load the SDK with every command.',
      from: { path: '^cli/', pathNot: '^cli/aws/' },
      to: { path: '^cli/aws/', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-tests-know-the-lab',
      severity: 'error',
      comment: 'The simulator, fuzzing, measurements and cost look at the system; no part of it looks at them.',
      from: { pathNot: '^(lab|test)/' },
      to: { path: '^lab/' },
    },
    {
      name: 'only-tests-import-tests',
      severity: 'error',
      comment: 'What lab and test share stands in lab/support.',
      from: { pathNot: '^test/' },
      to: { path: '^test/' },
    },
    {
      name: 'the-aws-engine-knows-no-product',
      severity: 'error',
      comment:
        'local/aws is AWS on one machine: of this product it knows only the 64-bit JSON and the event patterns. What it must be told, local/ hands in.',
      from: { path: '^local/aws/' },
      to: { path: '^(lambdas|infra|cli|lab|test|local)/', pathNot: '^(local/aws|lambdas/(json|event-pattern))/' },
    },
    {
      name: 'engine-has-no-sockets',
      severity: 'error',
      comment: 'local/aws/engine are state machines with a clock handed in. Sockets belong into local/aws/wire.',
      from: { path: '^local/aws/engine/' },
      to: {
        path: '^(node:)?(http|https|net|tls|worker_threads|child_process)$|^local/aws/(wire|template)/|node_modules/@aws-sdk/',
      },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Two files that import each other are one file, or miss a third.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'imports-resolve',
      severity: 'error',
      comment: 'An import that cannot be found.',
      from: {},
      to: { couldNotResolve: true, pathNot: '^aws-lambda$' },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
