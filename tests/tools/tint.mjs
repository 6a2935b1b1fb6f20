// node tint.mjs FOLDER: has Dawn compile each NAME.wgsl of the folder, as the browser would, and says which it refuses.
// Exit 1 if it refuses one. `.ci/tint` runs it, with the npm package webgpu beside it.
import { readdirSync, readFileSync } from 'node:fs';
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
const folder = process.argv[2];
const adapter = await create(['backend=vulkan']).requestAdapter({ featureLevel: 'core' });
const wanted = ['shader-f16', 'subgroups'];
const missing = wanted.filter((feature) => !adapter.features.has(feature));
if (missing.length) {
  console.error(`the adapter lacks ${missing}`);
  process.exit(2);
}
const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX } = adapter.limits;
const requiredLimits = { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX };
const device = await adapter.requestDevice({ requiredFeatures: wanted, requiredLimits });

// Errors come as events: to await one of each module hangs in some sandboxes.
let errors = [];
device.addEventListener('uncapturederror', (event) => {
  event.preventDefault();
  errors.push(event.error.message);
});

const files = readdirSync(folder).filter((name) => name.endsWith('.wgsl')).sort();
let refused = 0;
for (const file of files) {
  const code = readFileSync(`${folder}/${file}`, 'utf8');
  // The first line has the values of its constants.
  const constants = JSON.parse(code.slice(2, code.indexOf('\n')));
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: 'auto', compute: { module, constants } });
  await new Promise(setImmediate);
  if (errors.length) {
    refused += 1;
    console.log(`${file.split('.')[0]}: ${errors[0]}`);
    errors = [];
  }
}
console.log(`${files.length - refused} of ${files.length}`);
process.exit(refused ? 1 : 0);
