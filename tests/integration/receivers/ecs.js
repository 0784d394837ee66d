// Reads an array of events and holds each to the fields that the Elastic Common Schema publishes.
const { EcsFlat, EcsVersion } = require('@elastic/ecs');

const isAddress = (value) => require('net').isIP(value) !== 0;
const fits = {
  keyword: (value) => typeof value === 'string',
  constant_keyword: (value) => typeof value === 'string',
  wildcard: (value) => typeof value === 'string',
  match_only_text: (value) => typeof value === 'string',
  text: (value) => typeof value === 'string',
  long: (value) => Number.isInteger(value),
  date: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  ip: isAddress,
};

function problems(value, place) {
  // What has no field in the schema is under a name of our own.
  if (place === 'orgtrail') return [];
  const field = EcsFlat[place];
  if (field === undefined) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return [`${place} is no field`];
    const below = (name) => (place === '' ? name : `${place}.${name}`);
    return Object.entries(value).flatMap(([name, member]) => problems(member, below(name)));
  }
  const isArray = (field.normalize || []).includes('array');
  if (isArray !== Array.isArray(value)) return [`${place} is ${isArray ? 'no' : 'an'} array`];
  const values = isArray ? value : [value];
  const allowed = (field.allowed_values || []).map((one) => one.name);
  return values.flatMap((one) => {
    if (!(field.type in fits)) return [`${place} has the type ${field.type}, which is not looked at`];
    if (!fits[field.type](one)) return [`${place} is no ${field.type}: ${JSON.stringify(one)}`];
    if (allowed.length > 0 && !allowed.includes(one)) return [`${place} may not be ${one}`];
    return [];
  });
}

const events = JSON.parse(require('fs').readFileSync(0, 'utf8'));
for (const event of events) {
  const found = problems(event, '');
  const required = Object.values(EcsFlat).filter((field) => field.required).map((field) => field.flat_name);
  const missing = required.filter((name) => name.split('.').reduce((at, part) => at?.[part], event) === undefined);
  if (found.length + missing.length > 0) {
    console.error([...found, ...missing.map((name) => `${name} is missing`)].join('\n'));
    process.exit(1);
  }
  console.log(event.event.id);
}
