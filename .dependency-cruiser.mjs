/**
 * The one import direction: domain <- ports <- handlers <- entries; adapters implement ports;
 * infra reads only event names and environment contracts; nothing that ships imports local, cli, bench, fuzz, simulator or test.
 * Each rule's comment tells you what to do when it stops you.
 */
const functions = 'ingest|track-activity|sweep-inactivity|emit-inactivity|provision|deliver|manage';

export default {
  forbidden: [
    {
      name: 'domain-is-pure',
      severity: 'error',
      comment:
        'The domain knows no I/O, clock, environment or SDK. Hand in what it needs as a value, or describe the need as a port. (node:crypto for hashes, ipaddr.js for addresses and zod/mini for shapes are arithmetic, so they are allowed.)',
      from: { path: '^lambdas/domain/' },
      to: { pathNot: '^(lambdas/domain/|node:crypto$|crypto$|node_modules/(ipaddr\\.js|zod)/)' },
    },
    {
      name: 'ports-know-only-the-domain',
      severity: 'error',
      comment: 'A port is an interface in the words of the domain. Types of an SDK belong into the adapter.',
      from: { path: '^lambdas/ports/' },
      to: { pathNot: '^lambdas/(domain|ports)/' },
    },
    {
      name: 'handlers-know-ports-not-adapters',
      severity: 'error',
      comment: 'A handler gets its adapters handed in by index.ts. Import the port and add it to the deps.',
      from: { path: `^lambdas/(${functions})/`, pathNot: '/index\\.ts$' },
      to: { path: '^lambdas/adapters/' },
    },
    {
      name: 'only-adapters-know-the-sdk',
      severity: 'error',
      comment:
        'AWS SDK clients and HTTP clients are used in lambdas/adapters only; index.ts makes the client, nobody else.',
      from: { path: '^lambdas/', pathNot: '^lambdas/(adapters/|[^/]+/index\\.ts$)' },
      to: { path: 'node_modules/(@aws-sdk|@smithy|undici)/' },
    },
    {
      name: 'functions-never-import-each-other',
      severity: 'error',
      comment: 'Move what two functions share into domain, ports or middleware.',
      from: { path: `^lambdas/(${functions})/` },
      to: { path: `^lambdas/(${functions})/`, pathNot: '^lambdas/$1/' },
    },
    {
      name: 'entries-are-imported-by-nothing',
      severity: 'error',
      comment: 'index.ts is wiring and runs on import. Import handler.ts instead.',
      from: {},
      to: { path: `^lambdas/(${functions})/index\\.ts$` },
    },
    {
      name: 'shared-layers-know-no-function',
      severity: 'error',
      comment: 'Adapters, middleware, ports and the domain serve all functions; they import none.',
      from: { path: '^lambdas/(adapters|middleware|ports|domain)/' },
      to: { path: `^lambdas/(${functions})/` },
    },
    {
      name: 'infra-reads-names-and-environments-only',
      severity: 'error',
      comment: 'infra takes event names and constants from the domain and the type of each env.ts; no handler code.',
      from: { path: '^infra/' },
      to: { path: '^lambdas/', pathNot: '^lambdas/(domain/|[^/]+/env\\.ts$)' },
    },
    {
      name: 'what-ships-imports-nothing-local',
      severity: 'error',
      comment: 'lambdas and infra are deployed; local, cli, bench, fuzz, simulator, scripts and test are not.',
      from: { path: '^(lambdas|infra)/' },
      to: { path: '^(local|cli|bench|fuzz|simulator|scripts|test)/' },
    },
    {
      name: 'cli-knows-the-api-and-the-domain-only',
      severity: 'error',
      comment:
        'The command line speaks to the API over HTTP, deployed or local. It may take shapes and arithmetic from lambdas/domain; whatever else it needs to know, the API has to say.',
      from: { path: '^cli/' },
      to: { path: '^(lambdas/(?!domain/)|(infra|local|bench|fuzz|scripts|test)/)' },
    },
    {
      name: 'cli-loads-the-sdk-only-when-needed',
      severity: 'error',
      comment:
        'The SDK takes longer to load than most commands take to run. Put what needs it into request-signer.ts or stack-api.ts, and import() those where a deployed stack is meant.',
      from: { path: '^cli/', pathNot: '^cli/(request-signer|stack-api)\\.ts$' },
      to: { path: 'node_modules/(@aws-sdk|@smithy)/' },
    },
    {
      name: 'cli-defers-what-loads-the-sdk',
      severity: 'error',
      comment:
        'Use await import() where a request is to be signed: a plain import would load the SDK with every command.',
      from: { path: '^cli/' },
      to: { path: '^cli/(request-signer|stack-api)\\.ts$', dynamic: false },
    },
    {
      name: 'only-tests-know-the-simulator',
      severity: 'error',
      comment: 'The simulator runs everything and serves nothing. What another folder needs of it belongs elsewhere.',
      from: { pathNot: '^(simulator|test)/' },
      to: { path: '^simulator/' },
    },
    {
      name: 'only-tests-know-bench-and-fuzz',
      severity: 'error',
      comment: 'Measurements and fuzzing look at the system; no part of it looks at them.',
      from: { pathNot: '^(bench|fuzz|test)/' },
      to: { path: '^(bench|fuzz)/' },
    },
    {
      name: 'engine-has-no-sockets',
      severity: 'error',
      comment: 'local/engine are state machines with a clock handed in. Sockets belong into local/wire.',
      from: { path: '^local/engine/' },
      to: {
        path: '^(node:)?(http|https|net|tls|worker_threads|child_process)$|^local/(wire|template)/|node_modules/@aws-sdk/',
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
