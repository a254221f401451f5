"""A file of WMT's assessments and one of its test sets."""

YEARLY = """lp,src,mt,ref,z_score,score,annotators
ja-en,犬,dogs,dog,-0.5,60.0,1
de-en,Hund,dog,dog,1.0,90.0,1
ja-en,犬,dog,dog,0.75,95.0,2
ja-en,"猫、
と",cats,cat and,0.25,70.0,1
ja-en,,nothing,nothing,0.9,99.0,1
"""

XML = """<?xml version='1.0' encoding='utf-8'?>
<dataset id="test.ja-en">
 <collection id="general">
  <doc origlang="ja" id="one" domain="news">
   <src lang="ja"><p><seg id="1">犬が&lt;走る&gt;。</seg><seg id="2">猫。</seg></p><p><seg id="3"> </seg></p></src>
   <ref lang="en" translator="refB"><p><seg id="1">B1</seg><seg id="2">B2</seg><seg id="3">B3</seg></p></ref>
   <ref lang="en" translator="refA"><p><seg id="1">A dog &lt;runs&gt;.</seg><seg id="2">A cat.</seg></p>
    <p><seg id="3">Nothing.</seg></p></ref>
   <hyp system="one" language="en"><p><seg id="1">Dog.</seg><seg id="2">Cat.</seg></p></hyp>
  </doc>
  <doc origlang="ja" id="suite" testsuite="x"><src lang="ja"><p><seg id="1">鳥。</seg></p></src></doc>
  <doc origlang="en" id="other"><src lang="en"><p><seg id="1">Bird.</seg></p></src>
   <ref lang="ja" translator="refC"><p><seg id="1">鳥。</seg></p></ref></doc>
 </collection>
</dataset>
"""
