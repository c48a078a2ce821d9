import { openProduct, products } from './test/bench/products.ts';
for (const p of products) { const r = await openProduct(p, 1); r.time(3); let best=Infinity; const n=Math.max(1,Math.round(2e8/r.operations)); for (let i=0;i<12;i++) best=Math.min(best,r.time(n)); console.log(p.name.padEnd(18), (r.operations/best/1e6).toFixed(1),'GF/s'); r.stop(); }
